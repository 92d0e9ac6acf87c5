/** 75 -> "1:15", 3675 -> "1:01:15" */
export function clock(seconds) {
  const whole = Math.floor((seconds || 0) + 0.01); // the end of 32 s is told as 31.999999
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
