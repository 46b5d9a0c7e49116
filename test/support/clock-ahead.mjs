// For `node --import`: this process's clock is 5 minutes ahead.
const real = Date.now
Date.now = () => real() + 300_000
