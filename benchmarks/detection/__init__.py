"""How well rules tell leaks from everything else: ours and the usual ones, on traces with ground truth."""
