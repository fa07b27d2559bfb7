// Stand-in for a payment provider: accepts every payment and keeps count.
import { randomUUID } from 'node:crypto';
import { answer, serve } from './server.mjs';

await serve({
  addresses: ['127.0.0.2', '127.0.0.1'],
  keyOf: (headers) => headers.authorization?.replace(/^Bearer /, ''),
  handle: ({ path, body }, response, record) => {
    if (path !== '/v1/payments') return answer(response, 404, { error: 'no such resource' });
    const { account, amount, currency } = body;
    if (!account || !/^\d+\.\d{2}$/.test(amount) || !currency)
      throw new Error('account, amount and currency are needed');
    record({ kind: 'payment', account, amount, currency });
    answer(response, 201, { id: randomUUID(), status: 'accepted' });
  },
});
