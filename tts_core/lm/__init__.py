"""The language model: text ids and a prompt in, speech tokens out."""
