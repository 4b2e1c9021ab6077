// The layers of src/README.md: which folder may import which. ESLint says so while a file is written (eslint.config.js), and
// test/architecture.test.ts holds the same table, with what a pattern of ESLint cannot express.

const ROLES = ['src/roles', 'src/roles/local', 'src/roles/leader', 'src/roles/follower'];
const MESSAGING = 'src/supervisor/messaging';
const HOST = 'src/supervisor/host';

/**
 * Folder → other folders that may be imported there. `kernel` are the files directly in src, `public face` the index among them.
 * @type {Record<string, readonly string[]>}
 */
const ALLOWED = {
  protocol: [],
  kernel: ['protocol'],
  // The processes that meet talk over connections.
  'src/election': ['kernel', 'protocol', 'src/transport'],
  'src/transport': ['kernel', 'protocol'],
  // Three rooms above what they share: the two sides of a wire do not know each other.
  'src/roles': ['kernel', 'protocol', 'src/transport', 'src/election (types)'],
  'src/roles/local': ['kernel', 'protocol', 'src/roles'],
  'src/roles/leader': ['kernel', 'protocol', 'src/transport', 'src/election (types)', 'src/roles', 'src/roles/local'],
  'src/roles/follower': ['kernel', 'protocol', 'src/transport', 'src/election (types)', 'src/roles'],
  'src/client': ['kernel', 'protocol', ...ROLES, 'src/election', 'src/transport'],
  // Pure: reports of processes in, a view of the host out.
  'src/view': ['kernel'],
  // Master and child are two processes: they know each other's messages, not each other's code.
  [MESSAGING]: ['kernel'],
  [HOST]: ['kernel', `${MESSAGING} (types)`, 'src/supervisor/master (types)'],
  'src/supervisor/child': ['kernel', MESSAGING, HOST],
  'src/supervisor/master': ['kernel', MESSAGING, HOST, 'src/view'],
  'src/supervisor': ['kernel', MESSAGING, HOST, 'src/supervisor/child', 'src/supervisor/master'],
  // What one sees of a host: data of the kernel in, pages and figures out.
  'src/observe/dashboard': ['kernel', 'src/view', 'src/observe', 'public face'],
  // What runs in the browser, built into one file.
  'src/observe/page': ['kernel', 'src/view'],
  'src/observe': ['kernel', 'protocol', 'src/view', 'src/observe/dashboard'],
  // The composition root of the program `trunkline`: main and commands put everything together.
  'src/cli/control': ['kernel', 'src/transport', 'src/view', HOST, `${MESSAGING} (types)`, 'src/supervisor (types)'],
  'src/cli/place': ['kernel', 'src/cli', 'src/cli/control', HOST],
  'src/cli/show': [
    'kernel',
    'src/view',
    'src/cli',
    'src/cli/control (types)',
    HOST,
    `${MESSAGING} (types)`,
    'src/supervisor (types)',
  ],
  'src/cli/logs': ['kernel', 'src/cli'],
  'src/cli/upkeep': ['kernel', 'src/cli', 'src/cli/show (types)'],
  'src/cli/configuration': ['kernel', 'src/cli', 'src/supervisor (types)'],
  'src/cli/commands': [
    'kernel',
    'src/view',
    'src/cli',
    'src/cli/configuration',
    'src/cli/control',
    'src/cli/logs',
    'src/cli/place',
    'src/cli/show',
    'src/cli/upkeep',
    HOST,
    'src/observe',
    'src/supervisor',
    'src/transport',
  ],
  'src/cli': ['kernel', HOST, 'src/cli/commands', 'src/cli/control', 'src/cli/place', 'src/cli/show'],
  'public face': ['kernel', 'protocol', 'src/client', 'src/supervisor (types)'],
  // One upstream connection for many hosts: an upstream class for the core, and the engines, which do not know the fleet. The host that
  // leads holds the user's class in a client in single mode: hence the public face.
  'src/fleet': ['kernel', 'protocol', 'public face', 'src/fleet/engines'],
  'src/fleet/engines': ['kernel', 'protocol', 'src/etcd', 'src/fleet (types)'],
  // Ready-made upstream clients: their common interface and front, and a room for each store.
  'src/adapters': ['kernel', 'public face'],
  'src/adapters/file': ['kernel', 'src/adapters'],
  'src/adapters/etcd': ['kernel', 'src/adapters', 'src/etcd'],
  'src/adapters/redis': ['kernel', 'src/adapters'],
  'src/adapters/zookeeper': ['kernel', 'src/adapters'],
  // The client of etcd, for the adapter and for engines of a fleet.
  'src/etcd': ['kernel'],
  // What tests are made of, those of users and test/, bench/ and chaos/: no other folder of src may import it.
  'src/testing': ['kernel', 'public face'],
};

/**
 * Packages, by the folder that may import each package. Everything else is built into Node.
 * @type {Record<string, readonly string[]>}
 */
const PACKAGES = {
  protocol: ['byte', 'serialize-json'],
  'src/client': ['sdk-base'],
  'src/cli': ['commander'],
  'src/observe/page': ['uplot'],
  // Loaded when the user asks for tracing and metrics.
  'src/observe': ['@opentelemetry/api', 'prom-client'],
  // Loaded when an engine is opened.
  'src/fleet/engines': ['ioredis'],
  // Loaded by those who talk to etcd over gRPC.
  'src/etcd': ['@grpc/grpc-js'],
  // Loaded when a YAML file is met.
  'src/adapters/file': ['yaml'],
  // Loaded when a client is made.
  'src/adapters/redis': ['ioredis'],
  // Loaded when a client is made.
  'src/adapters/zookeeper': ['node-zookeeper-client'],
};

/** The files of each layer, for layers that are no folder of src. */
const FILES = {
  protocol: { files: ['protocol/*.ts'] },
  kernel: { files: ['src/*.ts', 'src/*.mts'], ignores: ['src/index.*'] },
  'public face': { files: ['src/index.*'] },
  'src/roles': { files: ['src/roles/*.ts'] },
  'src/supervisor': { files: ['src/supervisor/*.ts', 'src/supervisor/*.mts'] },
  'src/observe': { files: ['src/observe/*.ts', 'src/observe/*.mts'] },
  'src/cli': { files: ['src/cli/*.ts'] },
  'src/fleet': { files: ['src/fleet/*.ts', 'src/fleet/*.mts'] },
  'src/adapters': { files: ['src/adapters/*.ts'] },
};

/**
 * How a relative import names a file of the layer; undefined for layers that a pattern cannot tell from others.
 * @param from the layer with the import
 */
function specifierOf(layer, from) {
  if (layer === 'protocol') return '^(\\.\\./)+protocol/';
  const [top, folder, room] = layer.split('/');
  if (top !== 'src') return undefined;
  // The files at the top of a folder with rooms; each room has a pattern of its own.
  const hasRooms = Object.keys(ALLOWED).some((other) => other.startsWith(`${layer}/`));
  const end = hasRooms ? '(/[^/]+)?$' : '(/|$)';
  // Only within its folder a room is named alone; elsewhere the name may be that of another folder.
  const isNear = from === `src/${folder}` || from.startsWith(`src/${folder}/`);
  const path = room === undefined ? `(src/)?${folder}` : `((src/)?${folder}/)${isNear ? '?' : ''}${room}`;
  return `^(\\./|(\\.\\./)+)${path}${end}`;
}

/** @returns the configuration of ESLint that forbids what the tables do not allow */
function importRules() {
  return Object.entries(ALLOWED).map(([layer, allowed]) => {
    const others = Object.keys(ALLOWED).filter(
      (other) => other !== layer && !allowed.includes(other) && specifierOf(other, layer),
    );
    const folders = others.map((other) => ({
      regex: specifierOf(other, layer),
      allowTypeImports: allowed.includes(`${other} (types)`),
      message: `${layer} must not import ${other}: see layers.js.`,
    }));
    const packages = {
      regex: `^(?!\\.|node:|(${(PACKAGES[layer] ?? []).join('|')})$)`,
      message: `${layer} may import only these packages: ${PACKAGES[layer]?.join(', ') ?? 'none'}. See layers.js.`,
    };
    const rule = ['error', { patterns: [...folders, packages] }];
    return { ...(FILES[layer] ?? { files: [`${layer}/**/*.ts`] }), rules: { '@typescript-eslint/no-restricted-imports': rule } };
  });
}

module.exports = { ALLOWED, PACKAGES, importRules };
