"""Piper's command line: lines in, files or samples out, each line spoken when it comes."""
