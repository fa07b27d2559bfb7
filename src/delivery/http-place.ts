import { PATIENCE_MS, type Place } from './place.js';

/** One POST a text. */
export class HttpPlace implements Place {
  readonly #url: URL;
  readonly #headers: Record<string, string>;
  readonly #end = new AbortController();

  /** `where`: a URL, with user and password where the receiver wants them; `name` is without them. */
  constructor(
    where: string,
    readonly name: string,
    contentType: string,
  ) {
    this.#url = new URL(where);
    this.#headers = { 'content-type': contentType };
    const { username, password } = this.#url;
    if (username !== '') {
      const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      this.#headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    this.#url.username = '';
    this.#url.password = '';
  }

  async deliver(text: string): Promise<void> {
    const response = await fetch(this.#url, {
      method: 'POST',
      body: text,
      headers: this.#headers,
      // A redirect would take the text to where nobody has asked for it.
      redirect: 'error',
      signal: AbortSignal.any([AbortSignal.timeout(PATIENCE_MS), this.#end.signal]),
    }).catch((error: Error & { cause?: { message?: string } }) => {
      throw new Error(error.cause?.message ?? error.message);
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
  }

  close(): void {
    this.#end.abort();
  }
}
