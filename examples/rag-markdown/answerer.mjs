// A small chat model that answers from a passage. Any chat model can stand here: this one needs no server and no key.
import { Decoder, generate, openCheckpoint, resolveModel } from 'o1-embedder';

// A model this small follows examples better than instructions.
const EXAMPLES = [
  {
    passage: 'Set `THEME=dark` for a dark page; the default is `light`. The cache is emptied every Monday.',
    question: 'how do I get a dark page?',
    answer: 'Set `THEME=dark` for a dark page.',
  },
  {
    passage: 'The car park has two floors. Parking is free for two hours, then 1 euro an hour.',
    question: 'what does parking cost?',
    answer: 'Parking is free for two hours, then 1 euro an hour.',
  },
  {
    passage: 'Water the ferns every day, and the cactus once a month. Ask Anna for the key.',
    question: 'how often does the cactus need water?',
    answer: 'Water the cactus once a month.',
  },
];

export class Answerer {
  #decoder;
  #tokenizer;

  constructor(decoder, tokenizer) {
    this.#decoder = decoder;
    this.#tokenizer = tokenizer;
  }

  /** Loads a model that was trained to chat, by its name. */
  static async load(name) {
    const checkpoint = await openCheckpoint(await resolveModel(name));
    try {
      const decoder = await Decoder.load(checkpoint, { mode: 'int8', maxPositions: 2048 });
      return new Answerer(decoder, checkpoint.tokenizer);
    } finally {
      await checkpoint.close();
    }
  }

  /** Writes an answer of at most 60 tokens, and hands each piece of it to `onText`. */
  async answer(question, passage, onText) {
    const ask = (about, what) => ({ role: 'user', text: `${about}\n\nQuestion: ${what}` });
    const prompt = this.#chat([
      ...EXAMPLES.flatMap((one) => [ask(one.passage, one.question), { role: 'assistant', text: one.answer }]),
      ask(passage, question),
    ]);
    const tokens = [];
    let written = '';
    await generate(this.#decoder, [prompt], {
      temperature: 0,
      topP: 1,
      maxTokens: 60,
      stopTokens: [this.#mark('<|im_end|>')],
      onToken: (token) => {
        // A character may need several tokens: decode all, and write what is new and complete.
        tokens.push(token);
        const text = this.#tokenizer.decode(tokens);
        if (text.endsWith('\uFFFD')) return;
        onText(text.slice(written.length));
        written = text;
      },
    });
    return written;
  }

  close() {
    return this.#decoder.close();
  }

  /** Token ids of a conversation in ChatML, up to where the assistant begins to speak. */
  #chat(messages) {
    const turn = (role, text) => [this.#mark('<|im_start|>'), ...this.#tokenizer.encode(`${role}\n${text}`)];
    const end = [this.#mark('<|im_end|>'), ...this.#tokenizer.encode('\n')];
    return [...messages.flatMap(({ role, text }) => [...turn(role, text), ...end]), ...turn('assistant', '')];
  }

  /** The id of a special token, which ordinary text never contains. */
  #mark(token) {
    const id = this.#tokenizer.tokenId(token);
    if (id === undefined) throw new Error(`the model has no ${token}: this example knows ChatML only`);
    return id;
  }
}
