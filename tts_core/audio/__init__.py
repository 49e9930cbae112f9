"""Audio: recordings, resampling and the features that are taken of them."""
