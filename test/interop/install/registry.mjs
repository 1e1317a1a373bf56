// An npm registry on loopback that holds this build under its own name and sends for every other package to the usual one.
// Usage: node registry.mjs PACKAGE.tgz UPSTREAM; prints its address.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [file, upstream] = process.argv.slice(2);
const bytes = readFileSync(file);
const own = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/tarballs/weighmark.tgz') return response.end(bytes);
  if (pathname !== `/${own.name}`) {
    response.writeHead(307, { location: new URL(request.url.slice(1), upstream).href });
    return response.end();
  }
  const tarball = `http://${request.headers.host}/tarballs/weighmark.tgz`;
  const { name, version, bin, man, engines, dependencies } = own;
  const versions = { [version]: { name, version, bin, man, engines, dependencies, dist: { tarball, integrity } } };
  response.setHeader('content-type', 'application/json');
  return response.end(JSON.stringify({ name, 'dist-tags': { latest: version }, versions }));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/`));
