// The stand-in as a program, for a network namespace of its own. argv: {plan, cert, key, port, streams} as JSON, `cert`
// and `key` being paths. Says its port when it listens; ends when its stdin does, with `requests` as JSON on stdout.
import { readFileSync } from 'node:fs';
import { startModel } from './model.mjs';

const { cert, key, ...options } = JSON.parse(process.argv[2]);
const tls = cert && { cert: readFileSync(cert), key: readFileSync(key) };
const model = await startModel({ ...options, tls });
console.log(model.port);
process.stdin.resume();
process.stdin.on('end', () => process.stdout.write(JSON.stringify(model.requests), () => process.exit(0)));
