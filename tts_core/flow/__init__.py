"""Flow matching: speech tokens in, mel frames out."""
