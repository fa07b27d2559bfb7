import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes a self-signed certificate for the loopback stand-ins, valid for a day, in `folder` (cert.pem, key.pem).
 * The openssl program does it, because Node can read X.509 certificates but cannot make them.
 * @returns {Promise<{cert: string, key: string}>} paths
 */
export async function createCertificate(folder) {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') };
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2';
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  try {
    await run('openssl', [
      ...request,
      '-subj',
      '/CN=localhost',
      '-addext',
      names,
      '-keyout',
      files.key,
      '-out',
      files.cert,
    ]);
  } catch (error) {
    if (error.code === 'ENOENT') {
      throw new Error(
        'The openssl program makes the certificates of the demo and is not installed: run bin/setup, or install the package openssl.',
      );
    }
    throw new Error(`openssl could not make a certificate: ${String(error.stderr ?? error.message).trim()}`);
  }
  return files;
}
