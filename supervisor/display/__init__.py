"""What people see while a job runs: a bar, plain lines, or JSON."""
