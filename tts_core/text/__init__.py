"""Text: normalisation, splitting, phonemes, token ids."""
