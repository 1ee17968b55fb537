# syntax=docker/dockerfile:1
# wtcheck alone in an image:
#
#   docker build -t wtcheck .
#   docker run --rm --network none --read-only --tmpfs /tmp -v /var/lib/mongodb:/data:ro wtcheck audit /data
#
# A PALite store with a -wal is read from a private copy in /tmp, which needs as much room as the store: a tmpfs of
# that size (--tmpfs /tmp:size=8g), or a directory (-v /big/scratch:/tmp). What a command writes goes to a second
# mount: -v "$PWD:/out" and, say, dump /data -o /out/rescued.
#
# It runs as root, as data directories are often readable for their owner only; --user lets it be that owner.

ARG RUST=1.95
FROM rust:${RUST}-bookworm AS build
WORKDIR /src/wtcheck
COPY . .
# Without a repository in here, there is no commit to take the time from; it is in no file of the image.
RUN SOURCE_DATE_EPOCH=0 scripts/release --binary /image && install -d -m 1777 /image/tmp

FROM scratch
COPY --from=build /image/ /
ENTRYPOINT ["/wtcheck"]
CMD ["--help"]
