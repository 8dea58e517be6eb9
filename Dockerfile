# Daybook's server, worker and migrations: one image, three commands. TypeScript runs as it is, there is no build.
FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY package.json package-lock.json ./
# Optional packages are the embedded PostgreSQL and a Node of their own: the image needs neither.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund && npm cache clean --force
COPY migrations ./migrations
COPY src ./src
USER node
EXPOSE 5678
# As process 1, Node gets no default signal handlers; the commands install their own.
ENTRYPOINT ["node", "src/cli.ts"]
CMD ["--help"]
