"""Documents to chapters, paragraphs and segments: pure, and the same cuts for ever."""
