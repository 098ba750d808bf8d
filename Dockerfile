# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY libs/protocol/package.json libs/protocol/
COPY libs/egress/package.json libs/egress/
COPY libs/filter/package.json libs/filter/
COPY libs/sources/package.json libs/sources/
COPY libs/database/package.json libs/database/
COPY libs/log/package.json libs/log/
COPY libs/delivery/package.json libs/delivery/
COPY libs/publisher/package.json libs/publisher/
COPY libs/receiver/package.json libs/receiver/
COPY apps/broker/package.json apps/broker/
COPY apps/cli/package.json apps/cli/
COPY apps/dashboard/package.json apps/dashboard/
COPY examples/frameworks/package.json examples/frameworks/
COPY examples/migrations/package.json examples/migrations/
COPY examples/shop/package.json examples/shop/
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.base.json ./
COPY libs libs
COPY apps apps
RUN npx tsc -b apps/broker && npm run build -w apps/dashboard

# The container talks to a Postgres of its own (DATABASE_URL), so the embedded binaries (optional) stay out.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY --from=build /app/package.json /app/package-lock.json ./
COPY --from=build /app/libs libs
COPY --from=build /app/apps apps
COPY --from=build /app/examples/frameworks/package.json examples/frameworks/
COPY --from=build /app/examples/migrations/package.json examples/migrations/
COPY --from=build /app/examples/shop/package.json examples/shop/
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 HOOKCAST_DATA_DIR=/var/lib/hookcast
WORKDIR /app
RUN install -d -o node -g node -m 0700 /var/lib/hookcast
COPY --from=dependencies --chown=root:root /app ./
USER node
EXPOSE 8080
VOLUME /var/lib/hookcast
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node", "apps/broker/dist/main.js"]
