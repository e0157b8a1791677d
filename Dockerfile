# The service with its engine, as a user without rights, in an image that may be read-only; docs/deploy.md has the how-to.
# A tag moves; to pin the base as well: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:...
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS built
# torch-cpu: small, for x86-64 alone. torch: PyPI's, with CUDA on Linux (several GB), and the one for arm64.
ARG TORCH=torch-cpu
WORKDIR /build
COPY requirements/lock/ ./
# Every file is one of the lock's, wherever it comes from.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: \
    --extra-index-url https://download.pytorch.org/whl/cpu \
    -r engine.txt -r "${TORCH}.txt"

FROM ${PYTHON}
# llama.cpp needs libgomp. Its newest version holds Debian's security updates.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 9527 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tune9527 \
 && install -d -o tune9527 -g tune9527 -m 700 /data
COPY --from=built /opt/venv /opt/venv
WORKDIR /app
COPY . .
RUN python -m compileall -q .
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    DATA_DIR=/data HOST=0.0.0.0 PORT=9527
USER 9527:9527
VOLUME /data
EXPOSE 9527
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "deploy/healthcheck.py"]
CMD ["python", "app.py"]
