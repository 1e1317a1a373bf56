// Stands between weighmark and a store that speaks S3, on loopback, and does one thing wrong:
//   swap   after the first range of */large.bin the store holds another object of the same length there
//   cut    each second answer to a range is broken off
//   deny   nothing may be written
//   elsewhere  every request is sent to another address
// in-between.mjs PORT MODE: prints its own port.
import { createServer, request } from 'node:http';

const [, , port, mode] = process.argv;
const upstream = { host: '127.0.0.1', port };
let ranges = 0;

function pass(incoming, outgoing) {
  const { method, url, headers } = incoming;
  const isRange = method === 'GET' && headers.range !== undefined && url.includes('/large.bin');
  if (mode === 'deny' && method !== 'GET' && method !== 'HEAD') return void outgoing.writeHead(403).end();
  if (mode === 'elsewhere') return void outgoing.writeHead(307, { location: 'http://127.0.0.1:9/' }).end();
  if (isRange) ranges += 1;
  const isFirst = isRange && ranges === 1;
  const isCut = mode === 'cut' && isRange && ranges % 2 === 1;
  const asked = request({ ...upstream, method, path: url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    const held = mode === 'swap' && isFirst ? [] : null;
    let sent = 0;
    answer.on('data', (bytes) => {
      sent += bytes.length;
      if (isCut && sent > 1_000_000) return outgoing.destroy();
      if (held === null) outgoing.write(bytes);
      else held.push(bytes);
    });
    answer.on('end', () =>
      held === null ? outgoing.end() : swap(url, headers, () => outgoing.end(Buffer.concat(held))),
    );
  });
  incoming.pipe(asked);
}

function swap(url, { authorization, range }, done) {
  const path = url.split('?', 1)[0];
  const head = request({ ...upstream, method: 'HEAD', path, headers: { authorization } }, (found) => {
    const body = Buffer.alloc(Number(found.headers['content-length']), range);
    request({ ...upstream, method: 'PUT', path, headers: { authorization } }, (put) =>
      put.resume().on('end', done),
    ).end(body);
  });
  head.end();
}

const server = createServer(pass).listen(0, '127.0.0.1', () => console.log(server.address().port));
