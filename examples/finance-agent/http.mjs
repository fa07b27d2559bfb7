import https from 'node:https';

/**
 * POSTs a JSON body over TLS and resolves with the response once its head is there; anything but 2xx rejects.
 * `family: 4` because the stand-ins listen on IPv4 loopback only, and `localhost` may name ::1 first.
 * @param {URL} url
 * @param {{headers: Record<string, string>, body: unknown, ca?: Buffer, agent: https.Agent | false}} options
 *   `agent: false` means a connection of its own for this request
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
export function postJson(url, { headers, body, ca, agent }) {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = https.request(url, {
      method: 'POST',
      family: 4,
      agent,
      ca,
      headers: { ...headers, 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      response.setEncoding('utf8');
      if (response.statusCode >= 200 && response.statusCode < 300) return resolve(response);
      response.resume();
      reject(new Error(`${url.origin}${url.pathname} answered ${response.statusCode}`));
    });
    request.end(text);
  });
}

/** The whole body as text. */
export async function readText(response) {
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}
