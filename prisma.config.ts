import { fileURLToPath } from 'node:url'
import { defineConfig } from 'prisma/config'

// The CLI would download a native schema engine; the same engine exists as WebAssembly on npm.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= fileURLToPath(
  new URL('scripts/schema-engine.mjs', import.meta.url),
)

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  // `prisma generate` needs no database, but the configuration needs a URL.
  datasource: { url: process.env.DATABASE_URL ?? 'postgresql://forge@127.0.0.1:5432/forge' },
})
