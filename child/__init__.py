"""The disposable child: reads messages, drives one engine, streams audio back."""
