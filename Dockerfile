# docker build -t didomi-source .        (--build-arg EXTRAS=bigquery for one warehouse only)
# docker run --rm --read-only --tmpfs /tmp -v didomi:/work --env-file didomi.env didomi-source run --destination postgres
FROM python:3.12-slim AS build
ARG EXTRAS=duckdb,postgres,bigquery,snowflake,report
WORKDIR /src
RUN python -m venv /opt/didomi
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY didomi_source didomi_source
COPY didomi_sandbox didomi_sandbox
COPY sql sql
RUN /opt/didomi/bin/pip install --no-cache-dir -c constraints.txt ".[${EXTRAS}]"

FROM python:3.12-slim
COPY --from=build /opt/didomi /opt/didomi
RUN useradd --uid 10001 --create-home --home-dir /work didomi
ENV PATH=/opt/didomi/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Settings in .dlt/, the working directory and DuckDB's warehouse; all else may be read-only, with a tmpfs on /tmp.
WORKDIR /work
VOLUME /work
USER 10001
# It must not touch the warehouse, which a run may hold. Whether a run went well is its exit code.
HEALTHCHECK --interval=1m --timeout=30s CMD ["didomi", "--version"]
ENTRYPOINT ["didomi"]
CMD ["run"]
