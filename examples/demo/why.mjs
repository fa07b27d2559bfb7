// Why the payment was made: `agentgov why` on the first connect to the payment API, held to what others wrote down.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentgov } from './agentgov.mjs';
import { claim, count, dim, heading, print, safe } from './screen.mjs';

export async function showWhy({ facts, stage, signal }) {
  const { events, turns, payments, logText } = facts;
  const connect = events.find((event) => isTo(event, stage.payments) && event.event_type === 'network_connect');
  heading(`5. Why (agentgov why audit.jsonl ${connect.seq})`);
  const { code, stdout, stderr } = await agentgov(['why', stage.files.audit, String(connect.seq)], { signal });
  if (code !== 0) throw new Error(`agentgov why ended with ${code}: ${stderr}`);
  const lines = stdout.trimEnd().split('\n');
  for (const line of lines) {
    const text = safe(line.replaceAll(`${stage.folder}/`, ''));
    print(`  ${line.startsWith('    ') ? dim(text) : text}`);
  }
  print();

  const story = lines.flatMap((line) => events[Number(/#(\d+) /.exec(line)?.[1]) - 1] ?? []);
  const at = (type) => story.findIndex(({ event_type }) => event_type === type);
  const call = story[at('tool_call')];
  const response = story[at('llm_response')];
  const document = story.find(({ event_type }) => event_type === 'file_open');
  const [payment] = payments;
  const { instructedBy } = turns.at(-1);
  const folder = stage.files.documents;
  const holders = readdirSync(folder).filter((name) =>
    readFileSync(join(folder, name), 'utf8').includes(payment.account),
  );
  const sent = events.filter((event) => event.event_type === 'http_request' && event.cause_by === 'body');
  return [
    claim(
      story[0] === connect &&
        call?.tool === 'send_payment' &&
        JSON.parse(call.arguments).account === payment.account &&
        at('tool_call') < at('llm_response') &&
        response.cause_seq === call.cause_seq,
      `the connect goes back to the call ${call?.tool} in the model's response of line ${response?.seq}: the account is the one in the payment API's record`,
    ),
    claim(
      document?.path.endsWith(`/${instructedBy}`) && holders.length === 1 && holders[0] === instructedBy,
      `and from there to ${instructedBy}: no other document has this account, and by the model stand-in's own record it is what instructed it`,
    ),
    claim(
      new Set(sent.map(({ cause_seq }) => cause_seq)).size === payments.length && sent.length === payments.length,
      `${count(sent.length, 'request')} to the payment API, each joined to a call of its own`,
    ),
    claim(
      !/second\s+signature/.test(logText),
      "the document's text is not in the log: the fingerprints of its words were enough",
    ),
  ];
}

const isTo = ({ dest_ip, dest_port }, { address, port }) => dest_ip === address && dest_port === port;
