// What there is to vote on. The page reads this too, so it imports nothing.

/** The polls by their keys. */
export const polls: Record<string, { question: string; choices: string[] }> = {
  lunch: {
    question: "What shall we have for lunch?",
    choices: ["Soup and bread", "Something fried", "Salad", "Only coffee"],
  },
  trip: {
    question: "Where shall we go in summer?",
    choices: ["To the sea", "Into the mountains", "To a big city"],
  },
  music: {
    question: "Which instrument is missing in the band?",
    choices: ["Bassoon", "Banjo", "Theremin", "Triangle", "None, please"],
  },
};
