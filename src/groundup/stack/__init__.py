"""What is built: a language-model library in plain PyTorch. It knows nothing of lessons or learners."""
