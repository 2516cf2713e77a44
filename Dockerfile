# The live flow with its kernels compiled: docker build -t dlmm-hft . && docker run -v hft:/data dlmm-hft
# Without settings it trades on the embedded sandbox. With a cluster, a wallet and a state that survives:
#
#   docker run --name hft --stop-timeout 180 -v hft:/data -v /etc/dlmm-hft:/config:ro -e HFT_CONFIG=/config/config.toml \
#       -p 127.0.0.1:9464:9464 -e HFT__MONITORING__METRICS_HOST=0.0.0.0 dlmm-hft dlmm-hft live --recovery /data/state
#   docker exec hft dlmm-hft stop REASON
#
# /data keeps results, recordings, order journals and state: one volume, for they belong together. A key file lies in the mounted
# folder (wallet.keypair_path = "wallet.json"), is user 1000's and nobody else's (chmod 600), and never part of an image. What is
# on its way when the container is stopped settles first, which takes a minute or two: hence the timeout.

FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY dlmm dlmm
COPY operators operators
COPY connectors connectors
COPY sandbox sandbox
COPY flows flows
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation --editable .
# Kernels for any CPU of this architecture: the machine that runs the image is seldom the one that built it.
ENV NUMBA_CPU_NAME=generic XDG_CACHE_HOME=/app/.cache
RUN /venv/bin/python -m flows.warm

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 trader && install --directory --owner trader /data
COPY --from=build /venv /venv
COPY --from=build --chown=trader /app /app
USER trader
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CPU_NAME=generic XDG_CACHE_HOME=/app/.cache \
    HFT__RESULTS__RUNS_DIR=/data/runs HFT__RECORDING__FOLDER=/data/recordings HFT__EXECUTION__FOLDER=/data/orders
VOLUME /data
EXPOSE 9464
HEALTHCHECK --interval=10s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9464/healthz', timeout=3)"]
CMD ["python", "-m", "bytewax.run", "flows.live"]
