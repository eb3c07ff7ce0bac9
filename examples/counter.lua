-- A daemon in Lua: counts its events, and emits the count.
--
--     lares run counter.lua --subscribe ticks --publish counts < events.txt
--     lua5.4 counter.lua < events.txt
local lares = require "lares"
local Counter = lares.daemon "counter"

function Counter:init() self.n = 0 end

function Counter:process(event) -- nil, a string, or an array of strings
    self.n = self.n + 1
    return tostring(self.n)
end

return lares.main(Counter)
