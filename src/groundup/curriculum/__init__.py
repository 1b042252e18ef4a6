"""What is taught: roadmap.toml and one folder a topic. See CONTRIBUTING.md."""
