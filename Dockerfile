# syntax=docker/dockerfile:1
# getimg-mock as an image: docs/docker.md says how to run it.

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY mockserver ./mockserver
COPY schemas ./schemas
COPY fixtures ./fixtures
COPY contract_tests ./contract_tests
COPY docs ./docs
# EXTRAS=[video,redis,tls] adds what these extras bring.
ARG EXTRAS=""
RUN python -m venv /opt/getimg-mock \
    && /opt/getimg-mock/bin/pip install --no-cache-dir --no-compile ".${EXTRAS}" \
    && /opt/getimg-mock/bin/pip uninstall --yes pip

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="getimg-mock" \
      org.opencontainers.image.description="A stand-in for the getimg.ai v2 API" \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin fake \
    && install --directory --owner=fake --group=fake /data
COPY --from=build /opt/getimg-mock /opt/getimg-mock
ENV PATH="/opt/getimg-mock/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GETIMG_MOCK_HOST=0.0.0.0
USER 10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 4010
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:4010/__mock__/health', timeout=2)"]
ENTRYPOINT ["getimg-mock"]
CMD ["serve"]
