"""The parent: light, without CUDA, torch or numpy. It conducts; the child speaks."""
