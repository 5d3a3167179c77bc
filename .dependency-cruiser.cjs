// Who may import whom (the table of rooms in docs/ARCHITECTURE.md). Rooms are listed with what they may reach; whatever
// is not listed is forbidden, so a new folder has to be placed here before it can be used.
const KERNEL = '^kernel/'
const SHADERS = '^shaders/(?!compiler/)'
const BUILT_KERNELS = '^shaders/(modules[.]ts$|generated/)'
const COMPILER = '^shaders/compiler/'
const AGENT = '^agent-runtime/'
const HUB_CORE = '^server/hub/core/'
const HUB = '^server/hub/'
const MEMORY = '^server/memory/'
const SERVICES = '^server/(accounts|core|evidence|memory|realtime|trpc)/'
const DATABASE_CLIENT = '^prisma/generated/'
const SERVER_SHARED = '^server/(config|limits|portions|sodium)[.]ts$'
const FIRST_PARTY = '^(?!node_modules/|[.])[^/]+/'
// Tests and their supports may reach into other rooms, for instance to run an op on a real executor.
const TESTS = '([.](test|spec|test-support)[.]tsx?$|/testing/|^e2e/)'

/**
 * Forbids every import of a first-party file outside the allowed folders.
 * @param {string} room
 * @param {string} from path pattern of the room
 * @param {string[]} allowed path patterns that it may import
 * @param {string} why
 * @param {string[]} [except] path patterns inside `from` that this rule leaves to another one
 */
const mayImportOnly = (room, from, allowed, why, except = []) => ({
  name: `${room}-imports`,
  comment: why,
  severity: 'error',
  from: { path: from, pathNot: [TESTS, ...except] },
  to: { path: FIRST_PARTY, pathNot: allowed, dependencyTypesNot: ['npm', 'npm-dev', 'core', 'npm-optional'] },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'A circle has no layer that can be understood first.',
      severity: 'error',
      from: { pathNot: '/generated/' },
      to: { circular: true },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      // Next resolves this marker itself.
      to: { couldNotResolve: true, pathNot: '^(server|client)-only$' },
    },
    {
      name: 'no-undeclared-package',
      comment: 'A package that is used is declared in package.json.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-dev-package-in-product',
      comment: 'Development packages are absent from a production install.',
      severity: 'error',
      from: {
        path: '^(kernel|shaders|agent-runtime|server|app|cli)/',
        pathNot: [TESTS, '^shaders/compiler/'],
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-test-support-in-product',
      comment: 'What tests share is no part of the product.',
      severity: 'error',
      from: { path: '^(kernel|shaders|agent-runtime|server|app|cli)/', pathNot: TESTS },
      to: { path: TESTS },
    },
    mayImportOnly('kernel', KERNEL, [KERNEL], 'The kernel is what every layer and every verifier shares.'),
    {
      name: 'kernel-packages',
      comment: 'Schema and hash libraries only: the kernel runs unchanged in a page, a worker and Node.',
      severity: 'error',
      from: { path: KERNEL, pathNot: TESTS },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'core'],
        pathNot: '^node_modules/(zod|canonicalize|@noble/[^/]+|@msgpack/msgpack)/',
      },
    },
    mayImportOnly('shaders', SHADERS, [KERNEL, SHADERS], 'Kernels know the contract, not who runs them.'),
    mayImportOnly(
      'shader-compiler',
      COMPILER,
      [KERNEL, '^shaders/'],
      'The compiler is part of the kernels, not of the agent.',
    ),
    mayImportOnly(
      'agent-runtime',
      AGENT,
      [KERNEL, SHADERS, AGENT],
      'The agent runs built kernels under the contract; it never sees the server.',
    ),
    mayImportOnly(
      'hub-core',
      HUB_CORE,
      [KERNEL, HUB_CORE],
      'A pure state machine: step(state, event) -> {state, effects}.',
    ),
    {
      name: 'hub-core-is-pure',
      comment: 'No socket, clock, file or database in the state machine.',
      severity: 'error',
      from: { path: HUB_CORE, pathNot: TESTS },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'core'],
        pathNot: '^node_modules/zod/',
      },
    },
    mayImportOnly(
      'hub',
      HUB,
      [KERNEL, MEMORY, HUB, SERVER_SHARED, BUILT_KERNELS],
      'The hub owns sockets, clock and leases; its referee runs the compiled kernels; identity and money are told to it.',
      [HUB_CORE],
    ),
    mayImportOnly(
      'server-trpc',
      '^server/trpc/',
      [KERNEL, SERVICES, HUB, SERVER_SHARED],
      'Routers are thin: services below, and the hub, which is itself a router.',
    ),
    mayImportOnly(
      'server-services',
      '^server/(accounts|core|evidence|memory|realtime)/',
      [KERNEL, SERVICES, SERVER_SHARED, DATABASE_CLIENT],
      'Services know each other, not the hub, the pages or the command line.',
    ),
    mayImportOnly(
      'server-observe',
      '^server/observe/',
      [KERNEL, HUB, '^server/observe/'],
      'Figures and traces are made from what the hub says; nothing is decided by them.',
    ),
    mayImportOnly(
      'server-fsck',
      '^server/(fsck|backup)/',
      [KERNEL, SERVICES, '^server/(fsck|backup)/', SERVER_SHARED],
      'They read what services have stored; nothing that runs depends on them.',
    ),
    mayImportOnly(
      'server-tools',
      '^server/tools/',
      [KERNEL, SERVICES, HUB, '^server/tools/', SERVER_SHARED],
      'Commands for the operator over services and referee; nothing that runs depends on them.',
    ),
    mayImportOnly(
      'server-root',
      '^server/([^/]+$|http/)',
      [KERNEL, SHADERS, AGENT, '^server/', DATABASE_CLIENT],
      'The composition root wires everything on the server, and the house agent.',
    ),
    {
      name: 'services-not-routers',
      comment: 'Routers call services, never the other way round.',
      severity: 'error',
      from: { path: '^server/(accounts|core|evidence|memory|realtime|hub)/', pathNot: TESTS },
      to: { path: '^server/trpc/', dependencyTypesNot: ['type-only'] },
    },
    mayImportOnly(
      'app',
      '^app/',
      [KERNEL, AGENT, '^app/', '^server/trpc/'],
      'Pages talk to the server over tRPC.',
    ),
    {
      name: 'app-server-types-only',
      comment: 'Modules of the server and of the site are separate instances: share types, never objects.',
      severity: 'error',
      from: { path: '^app/' },
      to: { path: '^server/', dependencyTypesNot: ['type-only'] },
    },
    mayImportOnly(
      'cli',
      '^cli/',
      [KERNEL, AGENT, '^cli/'],
      'A verifier that shares code with the server beyond the kernel proves nothing.',
    ),
    mayImportOnly(
      'bench',
      '^bench/',
      [KERNEL, SHADERS, AGENT, '^bench/', '^scripts/', '^server/'],
      'Benchmarks measure the executors as agents use them, and start the server as its own entry does.',
    ),
    {
      name: 'nothing-imports-the-roof',
      comment: 'Pages, command line, benchmarks, end-to-end tests and scripts are entry points.',
      severity: 'error',
      from: { path: '^(kernel|shaders|agent-runtime|server)/', pathNot: TESTS },
      to: { path: '^(app|cli|bench|e2e|scripts)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)([.]next|dist|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
