"""What travels inside an encrypted link: typed messages, validated once, when they are decoded."""
