-- Daemons that cannot stand odd numbers, and such that count words, of which
-- there are as many as the argument says. For bench_lua_life.c.
local lares = require "lares"

local Faulty = lares.daemon "faulty"

function Faulty:process(event)
    if event.data:byte() % 2 == 1 then error "cannot stand this" end
end

-- Counts words, and knows nothing of that when it is made anew.
local Tally = lares.daemon "tally"

function Tally:init()
    self.counts = {}
    for i = 0, tonumber(self.argument) - 1 do
        self.counts[string.pack("<I8", i) .. string.rep("\0", 56)] = 0
    end
end

function Tally:process(event)
    local counts, word = self.counts, event.data
    counts[word] = counts[word] + 1
end

-- The same with a state: how often a word came, and the word.
local Counter = lares.daemon "counter"
Counter.init, Counter.process = Tally.init, Tally.process

function Counter:snapshot()
    local records, n, pack = {}, 0, string.pack
    for word, count in pairs(self.counts) do
        n = n + 1
        records[n] = pack("<I8c64", count, word)
    end
    return records
end

function Counter:restore(state)
    for i = 1, #state, 72 do
        local count, word = string.unpack("<I8c64", state, i)
        self.counts[word] = count
    end
end

-- The same state, but it is there already.
local Ready = lares.daemon "ready"
Ready.process, Ready.restore = Tally.process, Counter.restore

function Ready:init()
    Tally.init(self)
    self.state = table.concat(Counter.snapshot(self))
end

function Ready:snapshot() return self.state end

return {Faulty, Tally, Counter, Ready}
