# A small image of one govchaind node. Build: docker build -t govchaind .
# Run: docker run --rm -v "$PWD/node:/node" -p 7400:7400 -p 7500:7500 govchaind
# The node's folder (made by `govchaind init`) is mounted at /node and belongs to user 10001. Its settings
# listen on 0.0.0.0 where a port is to be reached from outside; see docs/operate.md.

FROM python:3.11.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /source
COPY requirements.lock requirements-run.lock ./
RUN ["python", "-m", "venv", "/tools"]
RUN ["/tools/bin/pip", "install", "--require-hashes", "-r", "requirements.lock"]
RUN ["python", "-m", "venv", "/opt/govchaind"]
RUN ["/opt/govchaind/bin/pip", "install", "--require-hashes", "-r", "requirements-run.lock"]
COPY pyproject.toml README.md LICENSE ./
COPY govchaind govchaind
COPY netsim netsim
RUN ["/tools/bin/pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "/wheels", "."]
RUN ["/opt/govchaind/bin/pip", "install", "--no-deps", "--no-index", "--find-links", "/wheels", "govchaind"]

FROM python:3.11.13-slim-bookworm
RUN ["useradd", "--uid", "10001", "--no-create-home", "--shell", "/usr/sbin/nologin", "govchaind"]
COPY --from=build /opt/govchaind /opt/govchaind
ENV PATH=/opt/govchaind/bin:$PATH PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME ["/node"]
WORKDIR /node
# 7400 other nodes (TLS), 7500 clients (HTTP), 7600 metrics (HTTP)
EXPOSE 7400 7500 7600
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7500/healthz', timeout=2)"]
ENTRYPOINT ["govchaind"]
CMD ["run", "/node"]
