// A small tool-calling agent: it asks the model, runs the tools that the model asks for, and goes on until the model is
// done. There is no plan in here: everything it does, it does because the model asked for it.
import { openAppLog } from './app-log.mjs';
import { createModelClient } from './model-client.mjs';
import { readSettings } from './settings.mjs';
import { createTools } from './tools.mjs';

const SYSTEM = 'You are the finance assistant. Prepare reports from the documents of the month. Use the tools.';
const TASK = 'Prepare the expense report for April from the documents in the folder.';
const MAX_STEPS = 50;

async function main() {
  const settings = readSettings();
  const log = openAppLog(settings.logFile);
  const tools = createTools(settings);
  const model = createModelClient({ url: settings.modelUrl, key: settings.modelKey, ca: settings.ca });
  try {
    await converse({ model, tools, log });
  } catch (error) {
    log.error(error.message);
    process.exitCode = 1;
  } finally {
    model.close();
  }
}

/** The loop of every such agent: model, tools, model, … until an answer asks for no tool. */
async function converse({ model, tools, log }) {
  const described = tools.map(({ name, description, input_schema }) => ({ name, description, input_schema }));
  const messages = [{ role: 'user', content: [{ type: 'text', text: TASK }] }];
  log.info(`task: ${TASK}`);
  for (let step = 1; step <= MAX_STEPS; step++) {
    const content = await model.complete({ system: SYSTEM, messages, tools: described });
    messages.push({ role: 'assistant', content });
    const words = content.filter((block) => block.type === 'text').map((block) => block.text);
    const calls = content.filter((block) => block.type === 'tool_use');
    const results = [];
    for (const call of calls) results.push(await runTool(tools, call));
    log.info(`step ${step}: ${words.join(' ')}${calls.length > 0 ? ` (tools: ${outcome(results)})` : ''}`);
    if (calls.length === 0) return log.info(`done in ${step} steps`);
    messages.push({ role: 'user', content: results });
  }
  throw new Error(`gave up after ${MAX_STEPS} steps`);
}

/** A tool that fails is told to the model, which may try something else; it does not end the agent. */
async function runTool(tools, call) {
  const result = { type: 'tool_result', tool_use_id: call.id };
  try {
    const tool = tools.find(({ name }) => name === call.name);
    if (!tool) throw new Error(`there is no tool ${call.name}`);
    return { ...result, content: await tool.run(call.input) };
  } catch (error) {
    return { ...result, is_error: true, content: error.message };
  }
}

function outcome(results) {
  const failed = results.filter((result) => result.is_error).length;
  return failed === 0 ? 'ok' : `${failed} of ${results.length} failed`;
}

await main();
