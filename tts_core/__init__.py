"""GLM-TTS: zero-shot speech from text and a reference recording, on torch and torchaudio.

A library of its own: nothing here knows of processes, pipes or messages. Each stage is a folder that
knows no other (`text`, `lm`, `flow`, `vocoder`, `audio`, `voice`); `synthesizer.py` alone knows them all.
"""
