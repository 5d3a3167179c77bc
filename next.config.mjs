/** @type {import('next').NextConfig} */
const config = {
  // The dev server would otherwise write an AGENTS.md into the checkout.
  agentRules: false,
  poweredByHeader: false,
  reactStrictMode: true,
  // `npm run check` type-checks the whole repository with the same tsconfig; doing it again here would double the
  // build's time and memory and let an unrelated test file stop a deployment.
  typescript: { ignoreBuildErrors: true },
  // Without it a lockfile in a parent folder would move the root out of this checkout.
  turbopack: { root: import.meta.dirname },
}

export default config
