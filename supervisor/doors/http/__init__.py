"""The HTTP door: OpenAI's speech endpoint, JSON-RPC, health, figures, and a place for the page."""
