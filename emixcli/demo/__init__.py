"""The sample CD of `emix demo`: synthetic images, a report, and the ISO image that holds them.

Nothing in here comes from a person. Every object is computed from ellipsoids, tubes and noise with
a fixed seed, so the same version of emix makes the same CD, byte for byte.
"""
