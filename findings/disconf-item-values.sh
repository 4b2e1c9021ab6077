#!/usr/bin/env bash
# node-disconf-client changes the values of items: the text after a line break is cut off and backslashes go.
#
# A good engineer would guess that the value of an item arrives as it was stored, as in the copy that the client writes to its folder for
# downloads. Seen with node-disconf-client 0.1.5: name, `=` and value are read as a file of properties. Of a value of two lines the first
# arrives, the second is an item of its own, and `\d` or `C:\new` lose their backslashes or get line breaks.
#
# Why it matters: certificates, regular expressions, paths and JSON with escapes are not what was stored, while single words are, so
# tests pass. Read the downloaded file of the item, or store such a value in Base64.
set -euo pipefail

jars=/usr/share/java
if ! command -v java >/dev/null || [ ! -e "$jars/zookeeper.jar" ]; then
  echo "skipped: java and ZooKeeper are not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error node-disconf-client@0.1.5 2>/dev/null

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const disconf = require('node-disconf-client');

const items = { word: 'tea', pattern: '^\\d+$', path: 'C:\\new', lines: 'first\nsecond=2' };

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50));
}

const accepts = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(socket.destroy()));
    socket.on('error', () => resolve(false));
  });

async function main() {
  const port = await freePort();
  const settings = { tickTime: 500, dataDir: `${__dirname}/data`, clientPort: port, clientPortAddress: '127.0.0.1', 'admin.enableServer': false };
  writeFileSync('zoo.cfg', Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(''));
  const zookeeper = spawn('java', ['-cp', `${process.argv[2]}/*`, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', 'zoo.cfg'], { stdio: 'ignore' });
  process.on('exit', () => zookeeper.kill('SIGKILL'));
  await until(() => accepts(port));

  /** Answers as the web server of Disconf does. */
  const web = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const values = { '/api/zoo/hosts': `127.0.0.1:${port}`, '/api/zoo/prefix': '/disconf' };
    response.end(JSON.stringify({ status: 1, message: '', value: values[pathname] ?? items[searchParams.get('key')] }));
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  const download = `${__dirname}/download`;
  disconf.init({ path: __dirname }, {
    conf_server_host: `127.0.0.1:${web.address().port}`,
    app: 'shop',
    version: '1_0_0',
    env: 'rd',
    conf_item_name: Object.keys(items).join(','),
    dist_file: `${__dirname}/remote.properties`,
    user_define_download_dir: download,
  });
  const [arrived] = await once(disconf, 'ready');
  await until(() => existsSync(`${download}/lines`) && readFileSync(`${download}/lines`, 'utf8') !== '');
  for (const [name, stored] of Object.entries(items)) console.log(`${name}: stored ${JSON.stringify(stored)}, arrived ${JSON.stringify(arrived[name])}`);
  console.log(`items besides: ${Object.keys(arrived).filter((name) => !(name in items))}`);
  console.log(`download of lines: ${JSON.stringify(readFileSync(`${download}/lines`, 'utf8'))}`);
  process.exit();
}
void main();
JS
seen=$(NODE_NO_WARNINGS=1 timeout 90 node main.js "$jars")
echo "Node.js $(node --version), node-disconf-client 0.1.5"
echo "$seen"
[ "$seen" = 'word: stored "tea", arrived "tea"
pattern: stored "^\\d+$", arrived "^d+$"
path: stored "C:\\new", arrived "C:\new"
lines: stored "first\nsecond=2", arrived "first"
items besides: second
download of lines: "first\nsecond=2"' ] || { echo "changed"; exit 1; }
echo "as described"
