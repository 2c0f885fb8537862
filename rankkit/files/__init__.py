"""What is written whole or not at all, and where: atomic files and folders, full disks, locks."""
