"""Burned-in text and recognisable faces: what is found, what is refused, what is blackened."""
