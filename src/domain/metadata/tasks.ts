/** What goes in and out by the definition of a Hugging Face task (huggingface.co/tasks); ambiguous tasks are left out. */
const PORTS: readonly (readonly [task: string, inputs: readonly string[], outputs: readonly string[]])[] = [
  ['text-generation', ['text'], ['text']],
  ['text2text-generation', ['text'], ['text']],
  ['text-classification', ['text'], ['label']],
  ['token-classification', ['text'], ['labelled spans']],
  ['zero-shot-classification', ['text', 'candidate labels'], ['label']],
  ['fill-mask', ['text'], ['text']],
  ['summarization', ['text'], ['text']],
  ['translation', ['text'], ['text']],
  ['question-answering', ['question', 'context'], ['text']],
  ['sentence-similarity', ['text'], ['similarity']],
  ['text-ranking', ['query', 'text'], ['score']],
  ['image-classification', ['image'], ['label']],
  ['object-detection', ['image'], ['bounding boxes']],
  ['image-segmentation', ['image'], ['masks']],
  ['depth-estimation', ['image'], ['image']],
  ['image-to-text', ['image'], ['text']],
  ['image-to-image', ['image'], ['image']],
  ['image-text-to-text', ['image', 'text'], ['text']],
  ['visual-question-answering', ['image', 'question'], ['text']],
  ['text-to-image', ['text'], ['image']],
  ['text-to-video', ['text'], ['video']],
  ['text-to-speech', ['text'], ['audio']],
  ['text-to-audio', ['text'], ['audio']],
  ['automatic-speech-recognition', ['audio'], ['text']],
  ['audio-classification', ['audio'], ['label']],
  ['audio-to-audio', ['audio'], ['audio']],
  ['voice-activity-detection', ['audio'], ['speech segments']],
  ['video-classification', ['video'], ['label']],
];

export const TASK_PORTS: ReadonlyMap<string, readonly [inputs: readonly string[], outputs: readonly string[]]> =
  new Map(PORTS.map(([task, inputs, outputs]) => [task, [inputs, outputs] as const]));
