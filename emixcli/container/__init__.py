"""Parts of the package format; the public API is `emixcli.package`."""
