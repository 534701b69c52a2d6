"""What the package measures with: compared with the official scripts and reference libraries."""
