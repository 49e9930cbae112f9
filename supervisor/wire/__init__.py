"""The contract between parent and child: all that `child` may import of `supervisor`."""
