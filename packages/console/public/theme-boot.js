// Runs before the first paint, so that a chosen theme never flashes the other one.
try {
  const choice = localStorage.getItem('weir.theme');
  if (choice === 'light' || choice === 'dark') document.documentElement.dataset.theme = choice;
} catch {
  // Storage can be forbidden; the system's preference then decides.
}
