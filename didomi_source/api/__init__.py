"""The API's HTTP: login, pages, retries, rate limit."""
