"""The exchange: it keeps ciphertext and hands it to whoever the sender names.

Nothing here ever sees a package key, an access code, a patient's name or a file name.
"""
