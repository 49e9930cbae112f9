# tts-supervisor for the CPU: the base install, speaking with eSpeak NG. docs/docker.md says what to do with it.
# Dockerfile.cuda is the same for a GPU.

# The Python that all tests ran on. Any of 3.11 to 3.13 has wheels for every pin of constraints.txt.
ARG BASE=python:3.11-slim-bookworm

# ------------------------------------------------------------------ built here, and left here

FROM ${BASE} AS build
# Extras of pyproject.toml, with commas between: zeroconf lets Home Assistant find the Wyoming door by itself.
ARG EXTRAS="zeroconf"
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CACHE_DIR=/var/cache/pip PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# What builds a package, apart from what it needs. pip.conf, where one is given as a secret, names other indexes.
COPY constraints.txt ./
RUN --mount=type=cache,target=/var/cache/pip --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -m venv /tools \
    && /tools/bin/pip install -c constraints.txt hatchling setuptools \
    && python3 -m venv --without-pip /usr/local/lib/tts-supervisor

# What it needs, before the source: a change of the source installs none of it again. Nothing may come that is not in
# constraints.txt, but for the libraries of CUDA, which torch itself pins.
COPY pyproject.toml ./
RUN --mount=type=cache,target=/var/cache/pip --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    python3 -c "import sys, tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *(one for extra in filter(None, sys.argv[1].split(',')) \
for one in project['optional-dependencies'][extra]), sep='\n')" "${EXTRAS}" >wanted.txt \
    && /tools/bin/pip wheel --no-build-isolation -c constraints.txt -r wanted.txt -w /wheels \
    && /tools/bin/pip --python /usr/local/lib/tts-supervisor/bin/python install --no-index --no-deps /wheels/*.whl \
    && /tools/bin/pip --python /usr/local/lib/tts-supervisor/bin/python check \
    && /tools/bin/pip --python /usr/local/lib/tts-supervisor/bin/python list --format=freeze \
        | sed 's/+.*//' | grep -viE '^(nvidia-|cuda-|triton==)' >came.txt \
    && if grep -vixFf constraints.txt came.txt; then echo "not in constraints.txt: the lines above"; exit 1; fi

COPY README.md LICENSE config.toml ./
COPY examples examples
COPY supervisor supervisor
COPY child child
COPY tts_core tts_core
RUN /tools/bin/pip wheel --no-build-isolation --no-index --no-deps . -w /wheel \
    && /tools/bin/pip --python /usr/local/lib/tts-supervisor/bin/python install --no-index --no-deps /wheel/*.whl

# ------------------------------------------------------------------ what runs

FROM ${BASE}
# An account of its own, with the same number for ever: files that outlive the container keep their owner. Folders
# that are there before a volume is mounted give it their owner and mode.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/tts-supervisor \
        --shell /usr/sbin/nologin tts-supervisor \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/tts-supervisor /var/cache/tts-supervisor \
    && install -d -o 10001 -g 10001 -m 0755 /audio /models \
    && install -d -m 0755 /etc/tts-supervisor
COPY --from=build /usr/local/lib/tts-supervisor /usr/local/lib/tts-supervisor
# The first four are how systemd would name them: the program looks there before anywhere else.
ENV PATH=/usr/local/lib/tts-supervisor/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    STATE_DIRECTORY=/var/lib/tts-supervisor \
    CACHE_DIRECTORY=/var/cache/tts-supervisor \
    CONFIGURATION_DIRECTORY=/etc/tts-supervisor \
    XDG_CACHE_HOME=/var/cache/tts-supervisor \
    HOME=/var/lib/tts-supervisor \
    PYTHONDONTWRITEBYTECODE=1 \
    LANG=C.UTF-8
USER 10001:10001
WORKDIR /audio
VOLUME ["/var/lib/tts-supervisor", "/var/cache/tts-supervisor", "/audio", "/models"]
EXPOSE 8000 10200
# Parks its work: the segment in hand is finished, and written. No --init is needed, it reaps what is left to it.
STOPSIGNAL SIGTERM
# Of the HTTP door, which answers this machine without a key: 200 only when speech would work now.
HEALTHCHECK --interval=30s --timeout=10s --start-period=300s --retries=3 \
    CMD ["python3", "-ISc", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=8); c.request('GET', '/health'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["tts-supervisor"]
# Other machines reach it, so it wants http.api_key or http.api_key_file.
CMD ["serve", "--http", "0.0.0.0:8000"]
