"""An engine for tests, as another package brings one; this folder's parent is put on PYTHONPATH."""
