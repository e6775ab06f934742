"""Makers of devices, whose names stand in for an institution where nobody has set one."""

from typing import Final

#: In lower case, without blanks.
MAKERS: Final = frozenset({
    "acuson", "agfa", "agfagevaert", "aloka", "atl", "canon", "canonmec", "canonmedicalsystems",
    "carestream", "carestreamhealth", "elekta", "esaote", "fujifilm", "fuji", "fujifilmcorporation",
    "gehealthcare", "gemedicalsystems", "hitachi", "hitachimedicalcorporation", "hologic", "kodak",
    "konicaminolta", "lorad", "mindray", "philips", "philipshealthcare", "philipsmedicalsystems",
    "picker", "pickerinternational", "samsung", "samsungmedison", "shimadzu", "siemens",
    "siemenshealthcare", "siemenshealthineers", "swissray", "toshiba", "toshibamec",
    "toshibamedicalsystems", "unitedimaginghealthcare", "varian", "varianmedicalsystems", "vepro",
})  # fmt: skip
