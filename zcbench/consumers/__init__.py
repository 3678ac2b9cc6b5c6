"""What an application does with packets, and who sees whether their bytes are right."""
